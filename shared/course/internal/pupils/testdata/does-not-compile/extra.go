// pupil: refused 0 a name that nobody has given to anything
package main

func init() { unwritten() }
