// pupil: refused 0 a generator, C, and files of the machine that builds
package main

//go:generate touch GENERATED

/*
#cgo CFLAGS: -fplugin=./evil.so
#cgo LDFLAGS: -Wl,-rpath,/
#include "/etc/passwd"
*/
import "C"
