// Package vm runs commands in the lab: a Linux guest under QEMU in which nothing can
// be broken that matters.
package vm
