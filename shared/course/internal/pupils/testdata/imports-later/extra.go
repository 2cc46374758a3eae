// pupil: refused 0 what lesson 03 is to write is imported
package main

import _ "mydocker.example/shared/rootfs"
