/** Flags that scheduler and executor share. */
import { LOG_LEVELS } from '../../common/log.js'
import { host } from '../options.js'
import { oneOf, optional, text, valued } from './flag.js'

/** Where a server listens: on this machine only, unless one says otherwise. */
export const bindHost = valued('address to listen on', { placeholder: 'host', parse: host, default: '127.0.0.1' })

export const configFile = optional('TOML file with flags, such as bind_port = 50050', {
  placeholder: 'file',
  parse: text,
})

export const logLevelSetting = valued('least severe messages that are logged', {
  placeholder: 'level',
  aliases: ['log-level'],
  parse: oneOf(LOG_LEVELS),
  default: 'info',
})
