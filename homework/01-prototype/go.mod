module mydocker.example/homework/01-prototype

go 1.26.0

require (
	golang.org/x/sys v0.49.0
	mydocker.example/shared v0.0.0
)

replace (
	mydocker.example/shared => ../../shared
	mydocker.example/vm => ../../vm
)
