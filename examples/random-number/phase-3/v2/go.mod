module rewrite-app-with-istio/v2

go 1.21
