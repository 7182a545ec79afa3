package caller

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/spacehatch/spacehatch/internal/printable"
	"github.com/spacehatch/spacehatch/internal/problem"
)

// StartSession is the one action whose answers mean something of their own.
const StartSession = "sagemaker:StartSession"

// The problems of an answer.
const (
	// QuotaReached: the account may not have more of what was asked for.
	QuotaReached problem.Code = "quota-reached"
	// Busy: AWS is still at work on the thing.
	Busy problem.Code = "busy"
)

// Problem tells why the call failed. err is what the SDK returned; the problem
// holds no secret that AWS may have quoted.
func (c *Caller) Problem(ctx context.Context, r Request, err error) *problem.Problem {
	code := Code(err)
	if p := c.commonProblem(r, code, err); p != nil {
		return p
	}
	switch code {
	case "":
		return c.noAnswer(r, err)
	case "AccessDeniedException", "AccessDenied", "UnauthorizedOperation":
		return c.denied(ctx, r, err)
	case "ResourceLimitExceeded", "ServiceQuotaExceededException":
		return limit(r, err)
	case "ResourceNotFound", "ResourceNotFoundException":
		if r.Action == StartSession {
			return problem.New(problem.SpaceNotFound,
				upperFirst(r.Thing)+" is gone, is not running, or has remote access switched off.",
				"Look at it in Studio: start it there with remote access on.", cause(err))
		}
		return problem.New(problem.SpaceNotFound, upperFirst(r.Thing)+" is not there (any more).",
			fmt.Sprintf("Look with `spacehatch spaces`, and check that %s is the region you meant.", c.region()), cause(err))
	case "ResourceInUse", "ConflictException":
		return problem.New(Busy, sentence("AWS is busy with "+r.Thing, message(err)), "Wait a minute, then try again.", cause(err))
	case "ValidationException", "ValidationError":
		hint := "Check the space in Studio, and that Spacehatch is up to date."
		if r.Action == StartSession { // most of the time it is stopped
			hint = "If the space is stopped, `spacehatch connect` with its name starts it; else look at it in Studio."
		}
		return problem.New(problem.Rejected, sentence("AWS rejected the request", message(err)), hint, cause(err))
	case "InternalFailure":
		if r.Action == StartSession {
			return problem.New(problem.SpaceStarting,
				fmt.Sprintf("AWS could not reach %s: it may still be starting.", r.Thing),
				"Wait a minute, then try again.", cause(err))
		}
	}
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && answer.HTTPStatusCode() >= http.StatusInternalServerError {
		return c.unusable(answer.HTTPStatusCode(), err)
	}
	hint := r.OrElse
	if hint == "" {
		hint = "Try again; if it stays so, look at AWS's health page and at the space in Studio."
	}
	return problem.New(problem.Rejected,
		sentence(fmt.Sprintf("AWS refused %s with %s", r.Action, printable.Text(code, 64)), message(err)), hint, cause(err))
}

// noAnswer tells why there is no answer of AWS's.
func (c *Caller) noAnswer(r Request, err error) *problem.Problem {
	if p := c.networkProblem(r, err); p != nil {
		return p
	}
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return c.unusable(answer.HTTPStatusCode(), err)
	}
	return problem.New(problem.Unreachable,
		fmt.Sprintf("%s in %s could not be asked.", service(r), c.region()),
		"Check the network, then try again.", cause(err))
}

// unusable is an answer that holds nothing.
func (c *Caller) unusable(status int, err error) *problem.Problem {
	return problem.New(problem.Unreachable,
		fmt.Sprintf("AWS in %s gave no usable answer (HTTP %d).", c.region(), status),
		"Try again in a minute; if it stays so, look for a proxy or a sign-in page between this computer and AWS.", cause(err))
}

func limit(r Request, err error) *problem.Problem {
	if r.Action == StartSession {
		return problem.New(problem.TooManyConnections, upperFirst(r.Thing)+" has its 10 connections already.",
			"Close one; `spacehatch status` lists the connections of this computer.", cause(err))
	}
	return problem.New(QuotaReached, sentence("A quota of the account does not allow it", message(err)),
		"Stop a space that is not needed, or have an administrator ask for more in the console under Service Quotas, Amazon SageMaker.", cause(err))
}

// service names the service of an action for a person.
func service(r Request) string {
	switch prefix, _, _ := strings.Cut(r.Action, ":"); prefix {
	case "sagemaker":
		return "SageMaker"
	case "sts":
		return "AWS STS"
	case "ssm":
		return "Systems Manager"
	}
	return "AWS"
}
