"""Every message and enum of the gateway's API, in one place."""

from corefy.gateway.v1.address_pb2 import *
from corefy.gateway.v1.api_call_pb2 import *
from corefy.gateway.v1.customer_pb2 import *
from corefy.gateway.v1.customer_service_pb2 import *
from corefy.gateway.v1.error_reason_pb2 import *
from corefy.gateway.v1.event_pb2 import *
from corefy.gateway.v1.event_service_pb2 import *
from corefy.gateway.v1.gateway_service_pb2 import *
from corefy.gateway.v1.payment_intent_pb2 import *
from corefy.gateway.v1.payment_intent_service_pb2 import *
from corefy.gateway.v1.payment_method_pb2 import *
from corefy.gateway.v1.payment_method_service_pb2 import *
from corefy.gateway.v1.refund_pb2 import *
from corefy.gateway.v1.refund_service_pb2 import *
from corefy.gateway.v1.timeline_pb2 import *
