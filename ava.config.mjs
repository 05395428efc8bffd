export default {
  files: ['dist/test/**/*.test.js'],
  // A file is a process-wide arena: one worker at a time per core.
  concurrency: 2,
  timeout: '5m',
  failWithoutAssertions: true,
}
