// Command standin is the programs of others that Spacehatch starts, as far as it
// can tell: under whatever name it has, it asks the test what to say. The test's
// address is in a file, since not every caller passes its environment on.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// addressFile holds the test's address.
const addressFile = `C:\users\Public\standin.txt`

// call is what the test is told, answer what it says.
type (
	call struct {
		Name string   `json:"name"` // of the program, such as ssh.exe
		Args []string `json:"args"` // without the program's own name
	}
	answer struct {
		Out, Err string
		Code     int
	}
)

func main() {
	code, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "the stand-in program:", err)
		code = 1
	}
	os.Exit(code)
}

func run() (int, error) {
	address, err := os.ReadFile(addressFile)
	if err != nil {
		return 0, err
	}
	conn, err := net.Dial("tcp", string(address))
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	if err := json.NewEncoder(conn).Encode(call{filepath.Base(self), os.Args[1:]}); err != nil {
		return 0, err
	}
	var said answer
	if err := json.NewDecoder(conn).Decode(&said); err != nil {
		return 0, err
	}
	_, out := fmt.Fprint(os.Stdout, said.Out)
	_, diagnostics := fmt.Fprint(os.Stderr, said.Err)
	return said.Code, errors.Join(out, diagnostics)
}
