package extension

import "strings"

// PasswordOfSpaces is said of a password that is nothing but spaces. Kratos takes it, if it is long enough: it looks at how
// many characters there are and not at which, as NIST SP 800-63B-4 §3.1.1.2 asks, which also wants what is commonly used
// kept out.
const PasswordOfSpaces = "This password is nothing but spaces, so others would guess it. Choose another one."

// PasswordRefusal says in one sentence why a typed password is not taken before Kratos is asked; empty when it is, and of none,
// which Kratos asks for in its own words.
func PasswordRefusal(password string) string {
	if password != "" && strings.TrimSpace(password) == "" {
		return PasswordOfSpaces
	}
	return ""
}
