module mydocker.example/lessons/06-capabilities

go 1.26.0

require (
	github.com/stretchr/testify v1.12.1
	golang.org/x/sys v0.49.0
	mydocker.example/shared v0.0.0
)

require (
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/term v0.47.0 // indirect
	mydocker.example/vm v0.0.0 // indirect
)

replace (
	mydocker.example/shared => ../../shared
	mydocker.example/vm => ../../vm
)
