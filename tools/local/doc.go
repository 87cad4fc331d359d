// Package local starts the real programs that Paperplane needs beside it on a
// developer's machine: a private PostgreSQL and a Kratos built from
// tools/kratos. `paperplane dev` and the tests share it.
//
// It owns where those programs come from, the user they run as, their ports,
// and that none of them outlives the process that started it, however that one
// ends. It does not own their configuration: Kratos' file, the databases and
// what is in them belong to the caller. Nothing here is for production.
//
// It runs on Linux and macOS. The promise that a killed parent takes its
// children along is Linux's alone (PR_SET_PDEATHSIG).
package local
