module mydocker.example/homework/02-namespaces

go 1.26.0
