// Credentials of AWS and its signatures: environment, web identity, container and instance metadata. Not the providers that read
// configuration files: those can name programs to run.
export { fromHttp } from '@aws-sdk/credential-provider-http';
export { fromTokenFile } from '@aws-sdk/credential-provider-web-identity';
export { fromInstanceMetadata } from '@smithy/credential-provider-imds';
export { SignatureV4 } from '@smithy/signature-v4';
