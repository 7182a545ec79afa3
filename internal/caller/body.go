package caller

import (
	"context"
	"fmt"
	"io"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// plainBody keeps a fault of the SDK from answers that come fast. The SDK closes
// a request's body as soon as the answer begins, and a closed body of a type
// that has WriteTo gives io.EOF as an error there (smithy-go, safeReadCloser;
// seen in 1.26.0 and 1.28.9). net/http, which has a last look whether the body
// has ended, takes that for a failed write and closes the connection, with the
// answer still in it. On loopback it took one in some hundred calls. Through
// Read a closed body ends as it should, so the type is hidden.
func plainBody(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("PlainBody", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		if r, ok := in.Request.(*smithyhttp.Request); ok && r.GetStream() != nil {
			plain, err := r.SetStream(struct{ io.Reader }{r.GetStream()})
			if err != nil {
				return middleware.DeserializeOutput{}, middleware.Metadata{}, fmt.Errorf("hide the type of the request's body: %w", err)
			}
			in.Request = plain
		}
		return next.HandleDeserialize(ctx, in)
	}), middleware.After)
}
