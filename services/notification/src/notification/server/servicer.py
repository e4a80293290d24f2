"""What answers the calls of NotificationService?"""

from cxmesh.notification.v1.notification_service_pb2_grpc import NotificationServiceServicer
from notification.server.message_calls import MessageCalls
from notification.server.template_calls import TemplateCalls


class NotificationServicer(MessageCalls, TemplateCalls, NotificationServiceServicer):
    """All of them, each noun's in a file of its own."""
