package local

import "syscall"

// dieWithParent asks the kernel to send sig when the thread that starts the
// process ends (prctl(2), PR_SET_PDEATHSIG).
func dieWithParent(attr *syscall.SysProcAttr, sig syscall.Signal) { attr.Pdeathsig = sig }
