// A service for an image FROM scratch: answers with its version, slowly when asked to, and ends without losing a request.
//
//	PORT     where it listens
//	VERSION  what it answers
//
// `-listen ADDRESS` goes before PORT.
//
// `/` answers at once, `/slow?seconds=2` later; `/env/NAME` says what it says, `/call?url=` what another service answers.
// `-probe FILE` is for an exec probe: it succeeds unless the file is there.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == "-probe" {
		if _, err := os.Stat(os.Args[2]); err == nil {
			os.Exit(1)
		}
		return
	}
	ending, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	address := ":" + os.Getenv("PORT")
	if len(os.Args) > 2 && os.Args[1] == "-listen" {
		address = os.Args[2]
	}
	server := &http.Server{Addr: address, Handler: http.HandlerFunc(answer)}
	drained := make(chan struct{})
	go func() {
		<-ending.Done()
		_ = server.Shutdown(context.Background())
		close(drained)
	}()
	fmt.Println(os.Getenv("VERSION"), "listens", strings.Join(os.Args[1:], " "))
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		fmt.Println(err)
		os.Exit(1)
	}
	<-drained
	fmt.Println(os.Getenv("VERSION"), "ends")
}

func answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("x-version", os.Getenv("VERSION"))
	if seconds, err := time.ParseDuration(r.URL.Query().Get("seconds") + "s"); err == nil {
		time.Sleep(seconds)
	}
	if name, found := strings.CutPrefix(r.URL.Path, "/env/"); found {
		fmt.Fprint(w, os.Getenv(name))
		return
	}
	if url := r.URL.Query().Get("url"); url != "" {
		call(w, url)
		return
	}
	fmt.Fprint(w, os.Getenv("VERSION"))
}

func call(w http.ResponseWriter, url string) {
	response, err := http.Get(url)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	fmt.Fprintf(w, "%d %s", response.StatusCode, body)
}
