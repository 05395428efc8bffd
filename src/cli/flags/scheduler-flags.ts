/** The flags of `ballista scheduler`. */
import { port } from '../options.js'
import { valued } from './flag.js'
import { bindHost, configFile, logLevelSetting } from './server-flags.js'

export const SCHEDULER_FLAGS = {
  bindHost,
  bindPort: valued('port to listen on; 0 picks a free one', {
    placeholder: 'port',
    short: 'p',
    parse: port,
    default: 50_050,
  }),
  logLevelSetting,
  configFile,
}
