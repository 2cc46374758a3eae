// pupil: graded 0 every call of mydocker hangs
package main

func init() { select {} }
