// Credentials of Google Cloud: keys of service accounts, workload identity (external accounts), the metadata server.
import { gaxios } from 'google-auth-library';

export { Compute, GoogleAuth, gcpMetadata } from 'google-auth-library';
export const { Gaxios } = gaxios;
