// Credentials of Google Cloud that stand in a file: keys of service accounts, workload identity
// (external accounts). Not the metadata server, which takes one request.
import { gaxios } from 'google-auth-library';

export { GoogleAuth } from 'google-auth-library';
export const { Gaxios } = gaxios;
