/** The flags of `ballista executor`. */
import { availableParallelism, tmpdir } from 'node:os'
import { directory, fraction, host, integer, port, positive, size, tempSize } from '../options.js'
import { optional, valued } from './flag.js'
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

export const EXECUTOR_FLAGS = {
  schedulerHost: valued('host of the scheduler', { placeholder: 'host', parse: host, default: '127.0.0.1' }),
  schedulerPort: valued('port of the scheduler', { placeholder: 'port', parse: port, default: 50_050 }),
  schedulerConnectTimeoutSeconds: valued('it gives up when no scheduler has accepted it for so long; 0: never', {
    placeholder: 'seconds',
    parse: integer,
    default: 0,
  }),
  bindHost,
  bindPort: valued('port to listen on; 0 picks a free one', {
    placeholder: 'port',
    short: 'p',
    parse: port,
    default: 50_051,
  }),
  externalHost: optional('address that other nodes dial; default: the bind host, or what the scheduler sees', {
    placeholder: 'host',
    aliases: ['advertise-host'],
    parse: host,
  }),
  concurrentTasks: valued('task slots: worker threads of this executor', {
    placeholder: 'slots',
    short: 'c',
    parse: positive,
    default: availableParallelism(),
    defaultText: 'the number of cores',
  }),
  memoryPoolSize: optional('memory limit of all its tasks, such as 4GB; default: 2GB', {
    placeholder: 'size',
    short: 'm',
    aliases: ['memory-limit'],
    parse: size,
  }),
  memoryPoolFraction: optional(
    'memory limit as a part of what this host or container has, such as 0.7; --memory-pool-size wins',
    {
      placeholder: 'part',
      parse: fraction,
    },
  ),
  workDir: valued('directory for temporary files', {
    placeholder: 'dir',
    parse: directory,
    default: tmpdir(),
    defaultText: "the system's",
  }),
  maxTempSize: optional('bytes that its temporary files may take, such as 50GB; 0: none; default: 100GB', {
    placeholder: 'size',
    parse: tempSize,
  }),
  executorTerminationGracePeriod: valued(
    'how long running tasks may go on after SIGTERM; a second SIGTERM ends them at once',
    { placeholder: 'seconds', parse: positive, default: 300 },
  ),
  executorHeartbeatIntervalSeconds: optional(
    'how often it reports to the scheduler; default: as often as that asks, which is also the least',
    {
      placeholder: 'seconds',
      parse: positive,
    },
  ),
  ...SECURITY_FLAGS,
  allowUdf,
  extension,
  dataRoot,
  allowNetwork,
  ...LOG_FLAGS,
  configFile,
}
