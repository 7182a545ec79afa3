package api

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sagemaker"
	"github.com/aws/aws-sdk-go-v2/service/sso"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func TestASignInByTheSDK(t *testing.T) {
	config := testConfig()
	config.DevicePage = "http://127.0.0.1/device"
	at := serve(t, config)
	oidc := ssooidc.New(ssooidc.Options{Region: testRegion, BaseEndpoint: aws.String(at.url), RetryMaxAttempts: 1})
	portal := sso.New(sso.Options{Region: testRegion, BaseEndpoint: aws.String(at.url), RetryMaxAttempts: 1})
	ctx := t.Context()

	_, err := oidc.RegisterClient(ctx, &ssooidc.RegisterClientInput{ClientName: aws.String("x"), ClientType: aws.String("confidential")})
	wantCode(t, "a client of another type", err, "InvalidClientMetadataException")
	client := must[*ssooidc.RegisterClientOutput](t)(oidc.RegisterClient(ctx, &ssooidc.RegisterClientInput{
		ClientName: aws.String("tester"), ClientType: aws.String("public"), Scopes: []string{accountAccess},
	}))
	if client.ClientSecretExpiresAt <= client.ClientIdIssuedAt {
		t.Errorf("a client that has expired: %+v", client)
	}
	begin := func(start string) (*ssooidc.StartDeviceAuthorizationOutput, error) {
		return oidc.StartDeviceAuthorization(ctx, &ssooidc.StartDeviceAuthorizationInput{ClientId: client.ClientId, ClientSecret: client.ClientSecret, StartUrl: aws.String(start)})
	}
	_, err = begin("portal")
	wantCode(t, "a start URL that is none", err, "InvalidRequestException")
	device := must[*ssooidc.StartDeviceAuthorizationOutput](t)(begin("https://x.awsapps.com/start"))
	if aws.ToString(device.VerificationUriComplete) != "http://127.0.0.1/device?user_code="+aws.ToString(device.UserCode) || device.ExpiresIn != 600 || device.Interval != 1 {
		t.Errorf("%+v", device)
	}
	token := func(secret, code *string) (*ssooidc.CreateTokenOutput, error) {
		return oidc.CreateToken(ctx, &ssooidc.CreateTokenInput{ClientId: client.ClientId, ClientSecret: secret, DeviceCode: code, GrantType: aws.String(deviceGrant)})
	}
	_, err = token(aws.String("wrong"), device.DeviceCode)
	wantCode(t, "a wrong secret", err, "InvalidClientException")
	_, err = token(client.ClientSecret, aws.String("wrong"))
	wantCode(t, "a wrong code", err, "InvalidGrantException")
	_, err = token(client.ClientSecret, device.DeviceCode)
	wantCode(t, "before the person", err, "AuthorizationPendingException")
	_, err = token(client.ClientSecret, device.DeviceCode)
	wantCode(t, "too soon", err, "SlowDownException")

	if name, state, ok := at.server.Device(aws.ToString(device.UserCode)); !ok || name != "tester" || state != DeviceWaits {
		t.Errorf("the page shows %q, %q", name, state)
	}
	if at.server.AnswerDevice("AAAA-AAAA", true) || !at.server.AnswerDevice(aws.ToString(device.UserCode), true) || at.server.AnswerDevice(aws.ToString(device.UserCode), false) {
		t.Error("the person's answer is not taken once")
	}
	out := must[*ssooidc.CreateTokenOutput](t)(token(client.ClientSecret, device.DeviceCode))
	_, err = token(client.ClientSecret, device.DeviceCode)
	wantCode(t, "a second token", err, "InvalidGrantException")

	no := must[*ssooidc.StartDeviceAuthorizationOutput](t)(begin("https://x.awsapps.com/start"))
	at.server.AnswerDevice(aws.ToString(no.UserCode), false)
	_, err = token(client.ClientSecret, no.DeviceCode)
	wantCode(t, "after a no", err, "AccessDeniedException")

	get := func(token *string, account, role string) (*sso.GetRoleCredentialsOutput, error) {
		return portal.GetRoleCredentials(ctx, &sso.GetRoleCredentialsInput{AccessToken: token, AccountId: aws.String(account), RoleName: aws.String(role)})
	}
	_, err = get(aws.String("wrong"), testAccount, "Dev")
	wantCode(t, "a wrong token", err, "UnauthorizedException")
	_, err = get(out.AccessToken, testAccount, NoAccess)
	wantCode(t, "a role without assignment", err, "ForbiddenException")
	for account, want := range map[string]string{testAccount: "", "444455556666": "AccessDeniedException"} {
		role := must[*sso.GetRoleCredentialsOutput](t)(get(out.AccessToken, account, "Dev")).RoleCredentials
		provider := credentials.NewStaticCredentialsProvider(aws.ToString(role.AccessKeyId), aws.ToString(role.SecretAccessKey), aws.ToString(role.SessionToken))
		who := must[*sts.GetCallerIdentityOutput](t)(sts.New(sts.Options{Region: testRegion, BaseEndpoint: aws.String(at.url), Credentials: provider}).GetCallerIdentity(ctx, nil))
		if aws.ToString(who.Account) != account || aws.ToString(who.Arn) != "arn:aws:sts::"+account+":assumed-role/AWSReservedSSO_Dev_0123456789abcdef/"+SignInUser {
			t.Errorf("%s in %s", aws.ToString(who.Arn), aws.ToString(who.Account))
		}
		_, err := as(at.url, provider).DescribeDomain(ctx, describeA)
		if want == "" && err != nil || want != "" && code(err) != want {
			t.Errorf("a caller of %s: %v", account, err)
		}
	}

	refresh := func(token *string) (*ssooidc.CreateTokenOutput, error) {
		return oidc.CreateToken(ctx, &ssooidc.CreateTokenInput{ClientId: client.ClientId, ClientSecret: client.ClientSecret, RefreshToken: token, GrantType: aws.String("refresh_token")})
	}
	next := must[*ssooidc.CreateTokenOutput](t)(refresh(out.RefreshToken))
	must[*sso.GetRoleCredentialsOutput](t)(get(next.AccessToken, testAccount, "Dev"))
	_, err = refresh(out.RefreshToken)
	wantCode(t, "a refresh token a second time", err, "InvalidGrantException")
	out = must[*ssooidc.CreateTokenOutput](t)(refresh(next.RefreshToken))
	_, err = portal.Logout(ctx, &sso.LogoutInput{AccessToken: out.AccessToken})
	wantCode(t, "log-out", err, "<nil>")
	_, err = get(out.AccessToken, testAccount, "Dev")
	wantCode(t, "after log-out", err, "UnauthorizedException")
	_, err = refresh(out.RefreshToken)
	wantCode(t, "its refresh token", err, "InvalidGrantException")
	at.server.SignOut()
	_, err = get(next.AccessToken, testAccount, "Dev")
	wantCode(t, "after sign-out", err, "UnauthorizedException")
}

var describeA = &sagemaker.DescribeDomainInput{DomainId: aws.String(domainA)}

func as(url string, provider aws.CredentialsProvider) *sagemaker.Client {
	return sagemaker.New(sagemaker.Options{Region: testRegion, BaseEndpoint: aws.String(url), RetryMaxAttempts: 1, Credentials: provider})
}

func TestACodeExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(testConfig())
		registered, _ := s.registerClient([]byte(`{"clientName":"x","clientType":"public"}`))
		c := registered.(registeredClient)
		begun, _ := s.authorizeDevice(encode(map[string]string{"clientId": c.ClientId, "clientSecret": c.ClientSecret, "startUrl": "https://x/start"}))
		d := begun.(deviceAuthorization)
		<-time.After(10*time.Minute + time.Second)
		_, fault := s.createToken(encode(map[string]string{"clientId": c.ClientId, "clientSecret": c.ClientSecret, "deviceCode": d.DeviceCode, "grantType": deviceGrant}))
		if fault == nil || fault.Code != "ExpiredTokenException" || s.AnswerDevice(d.UserCode, true) {
			t.Errorf("%v", fault)
		}
	})
}

func TestAssumeRole(t *testing.T) {
	at := serve(t, testConfig())
	client := sts.New(sts.Options{Region: testRegion, BaseEndpoint: aws.String(at.url), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("ASIAGOOD", "good", "session+/=")})
	assume := func(role, device, code string) (*sts.AssumeRoleOutput, error) {
		in := &sts.AssumeRoleInput{RoleArn: aws.String(role), RoleSessionName: aws.String("me")}
		if device != "" {
			in.SerialNumber, in.TokenCode = aws.String(device), aws.String(code)
		}
		return client.AssumeRole(context.WithoutCancel(t.Context()), in)
	}
	const guarded, device = "arn:aws:iam::111122223333:role/team/" + RoleWithMFA, "arn:aws:iam::111122223333:mfa/alice"
	_, err := assume("role", "", "")
	wantCode(t, "not a role", err, "ValidationError")
	_, err = assume(guarded, "", "")
	wantCode(t, "without a code", err, "AccessDenied")
	_, err = assume(guarded, device, "654321")
	wantCode(t, "a wrong code", err, "AccessDenied")
	out := must[*sts.AssumeRoleOutput](t)(assume(guarded, device, MFACode))
	if aws.ToString(out.AssumedRoleUser.Arn) != "arn:aws:sts::111122223333:assumed-role/"+RoleWithMFA+"/me" || time.Until(*out.Credentials.Expiration) < time.Minute {
		t.Errorf("%+v", out)
	}
	other := must[*sts.AssumeRoleOutput](t)(assume("arn:aws:iam::444455556666:role/Other", "", ""))
	provider := credentials.NewStaticCredentialsProvider(*other.Credentials.AccessKeyId, *other.Credentials.SecretAccessKey, *other.Credentials.SessionToken)
	_, err = as(at.url, provider).DescribeDomain(t.Context(), describeA)
	wantCode(t, "a role of another account", err, "AccessDeniedException")
}
