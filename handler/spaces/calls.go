package spaces

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
)

// call is one call of AWS's client.
type call[In, Out any] func(context.Context, *In, ...func(*sagemaker.Options)) (*Out, error)

// calls are those that are used of AWS's client, one by one. The client itself
// must stand in no interface, nor in a field of what stands in one: a library
// that looks methods up by name is linked too, so the linker would keep all of
// the client's four hundred calls, and the program would be twice as large.
type calls struct {
	listSpaces          call[sagemaker.ListSpacesInput, sagemaker.ListSpacesOutput]
	listApps            call[sagemaker.ListAppsInput, sagemaker.ListAppsOutput]
	describeDomain      call[sagemaker.DescribeDomainInput, sagemaker.DescribeDomainOutput]
	describeUserProfile call[sagemaker.DescribeUserProfileInput, sagemaker.DescribeUserProfileOutput]
	describeSpace       call[sagemaker.DescribeSpaceInput, sagemaker.DescribeSpaceOutput]
	describeApp         call[sagemaker.DescribeAppInput, sagemaker.DescribeAppOutput]
	updateSpace         call[sagemaker.UpdateSpaceInput, sagemaker.UpdateSpaceOutput]
	createApp           call[sagemaker.CreateAppInput, sagemaker.CreateAppOutput]
	deleteApp           call[sagemaker.DeleteAppInput, sagemaker.DeleteAppOutput]
}

func callsOf(client *sagemaker.Client) calls {
	return calls{
		listSpaces:          client.ListSpaces,
		listApps:            client.ListApps,
		describeDomain:      client.DescribeDomain,
		describeUserProfile: client.DescribeUserProfile,
		describeSpace:       client.DescribeSpace,
		describeApp:         client.DescribeApp,
		updateSpace:         client.UpdateSpace,
		createApp:           client.CreateApp,
		deleteApp:           client.DeleteApp,
	}
}

func (c calls) ListSpaces(ctx context.Context, in *sagemaker.ListSpacesInput) (*sagemaker.ListSpacesOutput, error) {
	return c.listSpaces(ctx, in)
}

func (c calls) ListApps(ctx context.Context, in *sagemaker.ListAppsInput) (*sagemaker.ListAppsOutput, error) {
	return c.listApps(ctx, in)
}

func (c calls) DescribeDomain(ctx context.Context, in *sagemaker.DescribeDomainInput) (*sagemaker.DescribeDomainOutput, error) {
	return c.describeDomain(ctx, in)
}

func (c calls) DescribeUserProfile(ctx context.Context, in *sagemaker.DescribeUserProfileInput) (*sagemaker.DescribeUserProfileOutput, error) {
	return c.describeUserProfile(ctx, in)
}

func (c calls) DescribeSpace(ctx context.Context, in *sagemaker.DescribeSpaceInput) (*sagemaker.DescribeSpaceOutput, error) {
	return c.describeSpace(ctx, in)
}

func (c calls) DescribeApp(ctx context.Context, in *sagemaker.DescribeAppInput) (*sagemaker.DescribeAppOutput, error) {
	return c.describeApp(ctx, in)
}

func (c calls) UpdateSpace(ctx context.Context, in *sagemaker.UpdateSpaceInput) (*sagemaker.UpdateSpaceOutput, error) {
	return c.updateSpace(ctx, in)
}

func (c calls) CreateApp(ctx context.Context, in *sagemaker.CreateAppInput) (*sagemaker.CreateAppOutput, error) {
	return c.createApp(ctx, in)
}

func (c calls) DeleteApp(ctx context.Context, in *sagemaker.DeleteAppInput) (*sagemaker.DeleteAppOutput, error) {
	return c.deleteApp(ctx, in)
}
