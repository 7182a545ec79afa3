package gateway

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/spacehatch/spacehatch/tunnel/wire"
)

// maxSpan bounds how many messages overtake another.
const maxSpan = 1000

// frameFaults are the faults of one direction of one session, which count its
// messages.
type frameFaults struct {
	count, acks, damaged int
	late                 []lateFrame // in the order of their turn
}

// lateFrame is a message that others overtake.
type lateFrame struct {
	turn  int // the count of messages behind which it comes
	frame []byte
}

// apply returns what is left of a message, and what goes with it. down says
// that it goes to the client.
func (f *frameFaults) apply(faults *Faults, frame []byte, down bool) [][]byte {
	every := func(n int) bool { return n > 0 && f.count%n == 0 }
	f.count++
	switch {
	case every(faults.LoseEvery), faults.LoseAcksEvery > 0 && f.losesAck(faults.LoseAcksEvery, frame):
		return f.overtaken(nil)
	case every(faults.ReorderEvery):
		f.late = append(f.late, lateFrame{f.count + max(1, faults.ReorderSpan), frame})
		return f.overtaken(nil)
	case down && every(faults.DamageEvery):
		f.damaged++
		return f.overtaken([][]byte{damage(frame, f.damaged)})
	case every(faults.DuplicateEvery):
		return f.overtaken([][]byte{frame, frame})
	}
	return f.overtaken([][]byte{frame})
}

// overtaken adds the messages whose turn has come.
func (f *frameFaults) overtaken(out [][]byte) [][]byte {
	for len(f.late) > 0 && f.late[0].turn <= f.count {
		out = append(out, f.late[0].frame)
		f.late = f.late[1:]
	}
	return out
}

func (f *frameFaults) losesAck(n int, frame []byte) bool {
	m, err := wire.Decode(frame)
	if err != nil || m.Type != wire.TypeAcknowledge {
		return false
	}
	f.acks++
	return f.acks%n == 0
}

// damage returns a damaged copy of a message: another damage for each kind.
func damage(frame []byte, kind int) []byte {
	const lengthAt = wire.HeaderSize - 4
	bad := slices.Clone(frame)
	switch kind % 9 {
	case 0:
		bad[len(bad)-1] ^= 1 // the payload does not match its digest
	case 1:
		bad[80] ^= 1 // the digest does not match the payload
	case 2:
		bad = bad[:len(bad)-1]
	case 3:
		bad = bad[:wire.HeaderSize/2]
	case 4:
		bad = nil
	case 5:
		copy(bad[4:36], bytes.Repeat([]byte("unknown "), 4)) // its type
	case 6:
		binary.BigEndian.PutUint32(bad, 1<<31) // the length of the header
	case 7:
		binary.BigEndian.PutUint32(bad[lengthAt:], uint32(2*len(frame))) // of the payload
	case 8:
		binary.BigEndian.PutUint32(bad[lengthAt:], 1<<32-1)
	}
	return bad
}
