select {policy}
from policy
