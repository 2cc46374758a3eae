module mydocker.example/homework/01-prototype

go 1.26.0

require golang.org/x/sys v0.49.0
