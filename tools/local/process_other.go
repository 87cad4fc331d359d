//go:build !linux

package local

import "syscall"

// dieWithParent can do nothing here: only Linux tells a process that its parent died.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}
