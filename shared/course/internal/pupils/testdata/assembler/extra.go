// pupil: refused 0 the assembler is to include a file of the machine that builds
package main
