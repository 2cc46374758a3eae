// pupil: graded 0 every call of mydocker hangs
package main

import "time"

func init() {
	for {
		time.Sleep(time.Hour)
	}
}
