export { Api, type Connection } from './api.ts';
export { Lease, type LeaseOptions } from './lease.ts';
export { REPORT_CHOICES } from './report-api.ts';
export { Reporter, type ReporterOptions } from './reporter.ts';
export { reporterMetrics } from './reporter-metrics.ts';
export { accountConnection } from './service-account.ts';
