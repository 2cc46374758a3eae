// pupil: attacked 0 the disk is filled to its end
package main

func init() { fill("/root/rubbish") }
