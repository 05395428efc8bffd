/** The flags of `ballista scheduler`. */
import type { TaskDistribution } from '../../cluster/scheduler/placement-policies.js'
import { atLeast, host, integer, port, positive, webOrigin } from '../options.js'
import { oneOf, optional, repeated, text, toggle, valued } from './flag.js'
import {
  allowNetwork,
  allowUdf,
  bindHost,
  configFile,
  dataRoot,
  extension,
  LOG_FLAGS,
  SECURITY_FLAGS,
} from './server-flags.js'

/** As in cluster/scheduler/placement-policies.ts, which only a scheduler loads. */
const TASK_DISTRIBUTIONS = ['round-robin', 'bias', 'consistent-hash'] as const satisfies readonly TaskDistribution[]

/** Executors report every 2 s; one report may be late. */
const MIN_TIMEOUT_S = 6

export const SCHEDULER_FLAGS = {
  bindHost,
  bindPort: valued('port to listen on; 0 picks a free one', {
    placeholder: 'port',
    short: 'p',
    parse: port,
    default: 50_050,
  }),
  externalHost: optional('name by which others reach it; HTTP requests may name it as their host', {
    placeholder: 'host',
    parse: host,
  }),
  ...SECURITY_FLAGS,
  allowUdf,
  extension,
  dataRoot,
  allowNetwork,
  dataDir: optional(
    'directory of what outlives the scheduler: catalog, jobs, writes under way; default: nothing does',
    {
      placeholder: 'dir',
      parse: text,
    },
  ),
  disableRestApi: toggle('answer over HTTP only /healthz and /readyz'),
  corsAllowedOrigins: repeated('origin, such as https://tools.example, whose pages may use the HTTP API', {
    placeholder: 'origin',
    parse: webOrigin,
  }),
  minReadyExecutors: valued('executors that make it ready (/readyz)', {
    placeholder: 'count',
    parse: integer,
    default: 1,
  }),
  taskDistribution: valued(
    'how tasks are placed: round-robin; bias, which fills one executor after the other; consistent-hash, by the file they read',
    { placeholder: 'policy', parse: oneOf(TASK_DISTRIBUTIONS), default: 'round-robin' as TaskDistribution },
  ),
  maxRunningJobs: optional('queries that run at the same time; default: twice the task slots, at least 16', {
    placeholder: 'count',
    parse: positive,
  }),
  maxQueuedJobs: valued('queries that wait for others to end; one more is refused', {
    placeholder: 'count',
    parse: integer,
    default: 1_000,
  }),
  queueTimeoutSeconds: valued('a query that has waited so long is refused', {
    placeholder: 'seconds',
    parse: positive,
    default: 300,
  }),
  noExecutorsGracePeriodSeconds: valued('how long a query that has lost all executors waits for another one', {
    placeholder: 'seconds',
    parse: integer,
    default: 15,
  }),
  executorTimeoutSeconds: valued('an executor that is silent for so long is lost', {
    placeholder: 'seconds',
    parse: atLeast(MIN_TIMEOUT_S),
    default: 15,
  }),
  expireDeadExecutorIntervalSeconds: valued('how often it is looked for silent executors', {
    placeholder: 'seconds',
    parse: positive,
    default: 2,
  }),
  taskMaxFailures: valued('attempts of a query whose tasks fail for no fault of its own', {
    placeholder: 'count',
    parse: positive,
    default: 4,
  }),
  finishedJobStateCleanUpIntervalSeconds: valued(
    'how long the records of jobs that have ended are kept; 0: as long as there is room',
    { placeholder: 'seconds', parse: integer, default: 3_600 },
  ),
  ...LOG_FLAGS,
  configFile,
}
