module mydocker.example/lessons/02-namespaces

go 1.26.0
