// The slow endpoint, rewritten: /random/number without the wait.
package main

import (
	"context"
	"encoding/json"
	"log"
	"math/rand"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

type answer struct {
	Location        string `json:"location"`
	Number          int    `json:"number"`
	EndpointVersion string `json:"endpoint_version"`
}

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", healthz)
	mux.HandleFunc("/random/number", randomNumber)
	server := &http.Server{Addr: address(), Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	serve(server)
}

func healthz(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, map[string]string{"status": "ok"})
}

func randomNumber(w http.ResponseWriter, r *http.Request) {
	number, err := generate()
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	writeJSON(w, answer{Location: "/random/number", Number: number, EndpointVersion: "v2"})
}

// generate gives a number between 0 and 9998.
func generate() (int, error) {
	return rand.Intn(9999), nil
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(value); err != nil {
		log.Printf("answer not sent: %v", err)
	}
}

// address: in a pod the sidecar comes in through the pod's own address; on a laptop nobody else should get in.
func address() string {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	if os.Getenv("KUBERNETES_SERVICE_HOST") != "" {
		return ":" + port
	}
	return "127.0.0.1:" + port
}

// serve answers requests until SIGTERM or Ctrl-C, then lets those that run end.
func serve(server *http.Server) {
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		<-stop.Done()
		cancel() // a second signal ends at once
		done <- server.Shutdown(context.Background())
	}()
	log.Printf("listening on %s", server.Addr)
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
	if err := <-done; err != nil {
		log.Fatal(err)
	}
}
