select {balance_seal}
from balance_seal
where balance_seal.seal_id = $1
