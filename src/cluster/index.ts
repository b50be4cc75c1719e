export { Api, type ApiSettings } from './api.ts';
export { Reporter, type ReporterOptions } from './reporter.ts';
