module mydocker.example/solutions/02-namespaces

go 1.26.0
