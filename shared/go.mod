module mydocker.example/shared

go 1.25.0

require mydocker.example/vm v0.0.0

replace mydocker.example/vm => ../vm
