"""TLS on the socket itself: connections whose bytes no one copies twice."""
