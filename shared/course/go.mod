module mydocker.example/shared/course

go 1.25.0

require (
	mydocker.example/shared v0.0.0
	mydocker.example/vm v0.0.0
)

replace (
	mydocker.example/shared => ..
	mydocker.example/vm => ../../vm
)
