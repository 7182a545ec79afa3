package wire

import (
	"fmt"
	"testing"
)

func BenchmarkAppendMessage(b *testing.B) {
	for _, size := range []int{1 << 10, 16 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			m := Message{Type: TypeInputStreamData, CreatedDate: 1, ID: RandomUUID(1, 2), PayloadType: PayloadOutput, Payload: make([]byte, size)}
			dst := make([]byte, 0, HeaderSize+size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				m.SequenceNumber++
				dst = m.AppendTo(dst[:0])
			}
		})
	}
}

func BenchmarkDecodeMessage(b *testing.B) {
	for _, size := range []int{1 << 10, 16 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			m := Message{Type: TypeOutputStreamData, CreatedDate: 1, PayloadType: PayloadOutput, Payload: make([]byte, size)}
			frame := m.AppendTo(nil)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if m, err := Decode(frame); err != nil || !m.DigestValid() {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAcknowledgement(b *testing.B) {
	a := Acknowledge{Type: TypeOutputStreamData, ID: RandomUUID(3, 4), IsSequential: true}
	dst := make([]byte, 0, AcknowledgeSize)
	b.ReportAllocs()
	for b.Loop() {
		a.Sequence++
		dst = a.AppendTo(dst[:0], a.ID, 1)
		if got, err := ParseAcknowledge(dst[HeaderSize:]); err != nil || got != a {
			b.Fatal(got, err)
		}
	}
}
