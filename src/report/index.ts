export { reportText, writeReport } from './document.ts';
export { formatBytes, visible } from './format.ts';
export { JsonLinesReporter } from './json-lines.ts';
export type { Output, Reporter } from './reporter.ts';
export { TERMINATION_LOG, terminationMessage, writeTerminationMessage } from './termination.ts';
export { TextReporter } from './text.ts';
export { consequence, errorLine, failureLine } from './wording.ts';
export { writeWhole } from './write-whole.ts';
