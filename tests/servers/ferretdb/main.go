// A server that speaks MongoDB's protocol and keeps its data in SQLite files: FerretDB,
// embedded. Its own program needs a file that its module does not ship.
//
//	ferretdb 127.0.0.1:27017 FOLDER
//
// In MongoDB a change of one document is atomic. FerretDB 1 looks for the document and
// changes it in two steps, between which another client's change is lost. So commands
// pass through here one at a time.
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

const largestMessage = 64 << 20

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: ferretdb HOST:PORT FOLDER")
	}
	address, folder := os.Args[1], os.Args[2]
	socket := filepath.Join(folder, "ferretdb.sock")
	os.Remove(socket) // what a killed server left
	level := &slog.HandlerOptions{Level: slog.LevelError}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{Unix: socket},
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, level)),
		Handler:   "sqlite",
		SQLiteURL: "file:" + folder + "/?_pragma=synchronous(0)",
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	go serve(listener, socket)
	if err := server.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

func serve(listener net.Listener, socket string) {
	var one sync.Mutex
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			defer client.Close()
			backend, err := net.Dial("unix", socket)
			if err != nil {
				return
			}
			defer backend.Close()
			for exchange(client, backend, &one) == nil {
			}
		}()
	}
}

// One request and its answer; no other client's in between.
func exchange(client, backend net.Conn, one *sync.Mutex) error {
	request, err := message(client)
	if err != nil {
		return err
	}
	one.Lock()
	defer one.Unlock()
	if _, err := backend.Write(request); err != nil {
		return err
	}
	answer, err := message(backend)
	if err != nil {
		return err
	}
	_, err = client.Write(answer)
	return err
}

// A message begins with its length, four bytes that count themselves.
func message(from io.Reader) ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(from, head); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(head)
	if size < 16 || size > largestMessage {
		return nil, fmt.Errorf("a message of %d bytes", size)
	}
	whole := make([]byte, size)
	copy(whole, head)
	_, err := io.ReadFull(from, whole[4:])
	return whole, err
}
