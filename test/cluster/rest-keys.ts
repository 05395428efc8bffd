/** The fields that docs/rest.md promises, in their order: a change here is a change for users. */

export const JOB_KEYS = [
  'job_id', 'job_name', 'job_status', 'status', 'phase', 'query', 'num_stages', 'completed_stages', 'num_tasks',
  'completed_tasks', 'percent_complete', 'scanned_rows', 'scanned_bytes', 'attempt', 'submitted_time', 'start_time', 'end_time', 'elapsed_ms', 'error',
] // oxfmt-ignore

export const STAGE_KEYS = [
  'stage_id', 'stage_status', 'num_tasks', 'running_tasks', 'completed_tasks', 'failed_tasks', 'input_rows', 'output_rows',
  'output_bytes', 'elapsed_compute', 'launch_time', 'elapsed_ms', 'operators', 'stage_plan', 'task_duration_percentiles',
  'task_input_percentiles', 'tasks',
] // oxfmt-ignore
