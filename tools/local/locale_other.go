//go:build !linux

package local

// locale is one that macOS always has.
const locale = "en_US.UTF-8"
