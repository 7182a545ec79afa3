package tunnel

// queueBlock is how many bytes a queue takes memory for at once, and
// queueSpare how many of these blocks it keeps when they are empty.
const (
	queueBlock = 32 << 10
	queueSpare = 8
)

// queue holds bytes, first in, first out. It moves none of them, and takes
// memory only while it grows.
type queue struct {
	blocks [][]byte // of queueBlock bytes; all but the last one full
	taken  int      // bytes of the first block that are gone
	size   int
	spare  [][]byte
}

// put appends a copy of p.
func (q *queue) put(p []byte) {
	q.size += len(p)
	for len(p) > 0 {
		last := len(q.blocks) - 1
		if last < 0 || len(q.blocks[last]) == queueBlock {
			q.blocks = append(q.blocks, q.block())
			last++
		}
		n := min(len(p), queueBlock-len(q.blocks[last]))
		q.blocks[last] = append(q.blocks[last], p[:n]...)
		p = p[n:]
	}
}

// block returns an empty block.
func (q *queue) block() []byte {
	if n := len(q.spare); n > 0 {
		b := q.spare[n-1]
		q.spare = q.spare[:n-1]
		return b
	}
	return make([]byte, 0, queueBlock)
}

// first returns the oldest bytes, as many as lie together; none where the queue
// is empty. They are valid until drop, and put does not touch them.
func (q *queue) first() []byte {
	if q.size == 0 {
		return nil
	}
	return q.blocks[0][q.taken:]
}

// drop forgets the oldest n bytes, at most those of first.
func (q *queue) drop(n int) {
	q.size -= n
	q.taken += n
	switch {
	case len(q.blocks) == 0:
		return
	case q.size == 0:
		// What comes next lies together again.
		q.blocks[0], q.taken = q.blocks[0][:0], 0
		return
	case q.taken < len(q.blocks[0]):
		return
	}
	empty := q.blocks[0][:0]
	q.taken = 0
	last := copy(q.blocks, q.blocks[1:])
	q.blocks[last] = nil
	q.blocks = q.blocks[:last]
	if len(q.spare) < queueSpare {
		q.spare = append(q.spare, empty)
	}
}

// take moves bytes to p, and returns how many.
func (q *queue) take(p []byte) int {
	done := 0
	for done < len(p) && q.size > 0 {
		n := copy(p[done:], q.first())
		q.drop(n)
		done += n
	}
	return done
}
