package local

// locale folds the case of every letter, as searching for names needs, and is
// part of glibc since 2.35, so nothing has to be generated.
const locale = "C.UTF-8"
