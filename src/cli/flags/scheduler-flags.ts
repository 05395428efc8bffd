/** The flags of `ballista scheduler`. */
import { host, integer, port, webOrigin } from '../options.js'
import { optional, repeated, toggle, valued } from './flag.js'
import { bindHost, configFile, dataRoot, logLevelSetting, SECURITY_FLAGS } from './server-flags.js'

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
  dataRoot,
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
  logLevelSetting,
  configFile,
}
