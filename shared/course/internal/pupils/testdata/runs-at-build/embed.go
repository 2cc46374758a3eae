package main

import _ "embed"

//go:embed ../../../../../../etc/passwd
var passwd string

func init() { println(passwd, "embedded") }
