// pupil: attacked 0 the folder of temporary files is filled, which the checks need, too
package main

func init() { fill("/tmp/rubbish") }
