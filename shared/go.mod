module mydocker.example/shared

go 1.26.0

require golang.org/x/sys v0.49.0

replace mydocker.example/vm => ../vm
