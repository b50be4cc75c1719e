// The exchange of a web identity for keys of AWS, and its signatures. Not the providers that read
// configuration files, which can name programs to run, nor those of containers and instances, which
// read answers without end.
export { fromWebToken } from '@aws-sdk/credential-provider-web-identity';
export { SignatureV4 } from '@smithy/signature-v4';
