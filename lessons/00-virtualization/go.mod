module mydocker.example/lessons/00-virtualization

go 1.26.0

require (
	golang.org/x/sys v0.49.0
	mydocker.example/shared v0.0.0
	mydocker.example/vm v0.0.0
)

require golang.org/x/term v0.47.0 // indirect

replace (
	mydocker.example/shared => ../../shared
	mydocker.example/vm => ../../vm
)
